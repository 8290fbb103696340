"""SMTP transcripts and protocol logs of mail programs: formats as data, one dialogue for all of them."""
