"""The course as a static site: the notebooks as pages to read anywhere, without an installation, a kernel or a connection.

    pages     the notebooks and guides, turned into pages by Sphinx, MyST-NB and Furo, with the reference beside them
    formulas  formulas as MathML, which browsers draw themselves

`cnnlab site` and `make site` call it. It needs the packages of the extra "site".
"""

from cnnlab.site.pages import build

__all__ = ["build"]
