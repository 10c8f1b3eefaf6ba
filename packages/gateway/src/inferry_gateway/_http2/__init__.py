"""HTTP/2 connections: labelled, then carried to the server that speaks gRPC."""
