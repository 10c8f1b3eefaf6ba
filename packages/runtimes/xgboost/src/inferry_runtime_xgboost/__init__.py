"""The xgboost runtime of Inferry."""
