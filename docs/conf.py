"""The documentation: `make docs` builds it into build/docs; code blocks are executed and warnings are errors."""

import os
from importlib.metadata import version as installed

# the kernels that execute the pages take these over: no progress bars, which are for people who watch, no warning about
# commands started from a process with threads, no alarms of the compiler about slow machines
os.environ |= {"TTY_COMPATIBLE": "0", "PYTHONWARNINGS": "ignore:os.fork:RuntimeWarning", "TF_CPP_MIN_LOG_LEVEL": "3"}

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
