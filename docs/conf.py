"""The documentation site: ``make docs`` builds it into build/docs, strictly.

Pages are Markdown (MyST). Nothing that a page shows is fetched from the network: formulas are
MathML, made when the site is built, and fonts are the reader's own.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

project = "Softmark"
author = "The Softmark authors"
project_copyright = author
version = release = "0.1.0"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
    "mathml",
    "offline",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
# Types in signatures need not have a page of their own; what is named in a text must.
nitpick_ignore_regex = [("py:(class|obj)", ".*")]

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
# So that links to a section look as on GitHub.
myst_heading_anchors = 3
html_math_renderer = "mathml"

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_rtype = False
# Docstrings name things in single backticks, which need not be objects that have a page.
default_role = "code"
# Two dashes are an option's, and no rule.
smartquotes = False

html_theme = "furo"
html_title = "Softmark"
html_static_path = ["_static"]
html_css_files = ["softmark.css"]
html_copy_source = False
html_show_sphinx = False
# A reader copies what is typed, not the prompt and what came back.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
