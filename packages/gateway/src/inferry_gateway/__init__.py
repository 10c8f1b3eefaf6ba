"""The gateway of Inferry: routes by host, path or model, weighs revisions, holds requests."""
