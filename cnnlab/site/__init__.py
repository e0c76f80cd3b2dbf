"""The course as a static site: the notebooks as pages to read anywhere, without an installation, a kernel or a connection.

    pages      notebooks, assignments and guides, turned into pages by Sphinx, MyST-NB and Furo
    formulas   formulas as MathML, which browsers draw themselves
    reference  the reference from the docstrings, by pdoc
    server     a local server for the built site

`cnnlab site` and `make site` call it. It needs the packages of the extra "site".
"""

from cnnlab.site.pages import build
from cnnlab.site.reference import build_reference
from cnnlab.site.server import serve

__all__ = ["build", "build_reference", "serve"]
