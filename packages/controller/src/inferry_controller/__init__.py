"""The Kubernetes backend of Inferry: rendering, controller, install manifests."""
