"""Transformers and explainers: classes that stand in front of a predictor.

`component` makes such a class a model of this server; `client` asks the predictor, by
one of the protocols in `rest` and `rpc`.
"""
