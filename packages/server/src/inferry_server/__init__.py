"""The model server of Inferry: V1 and V2 over HTTP for one replica."""
