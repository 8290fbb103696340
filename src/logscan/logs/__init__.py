"""Logs of mail servers: parser files as data, one engine for all of them."""
