"""Inputs → blocks of whole lines: files, archives, rotated sets, the journal, and what wraps their lines."""
