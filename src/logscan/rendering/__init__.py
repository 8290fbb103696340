"""A report as text, Markdown, HTML and JSON.

``contents`` puts the report into words and tables; the renderers lay them out and escape them.
"""
