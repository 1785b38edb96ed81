"""The documentation: `make docs` builds it into build/docs; code blocks are executed and warnings are errors."""

from importlib.metadata import version as installed

project, author, copyright = "Lampyris", "The Lampyris developers", "The Lampyris developers"
version = release = installed("lampyris")
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_in_temp = True
nb_merge_streams = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "show-inheritance": True, "exclude-members": "__init__"}
html_theme = "furo"
html_title = "Lampyris"
html_static_path = ["_static"]
exclude_patterns = ["_static"]
