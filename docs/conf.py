"""How Sphinx builds the site from the pages of this folder: `make docs`, to build/site/."""

from __future__ import annotations

import whet

project = "whet"
version = release = whet.__version__
language = "en"
html_title = "whet"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
root_doc = "index"

# GitHub shows the same pages, so links are files with #headings named as GitHub names them, down to the fourth level.
myst_heading_anchors = 4
# A docstring's `code` is code, as it is in a page; in reStructuredText single backticks would be italics.
default_role = "code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
# No names of modules before functions and types: `whet.train(data, ...)` is what is written, the rest is where it lies.
add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 88

smartquotes = False  # would make one dash of the two of an option that stands in a sentence

html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_static_path = ["site"]
html_css_files = ["wide.css"]
