"""The course as a static site: the notebooks as pages to read anywhere, without an installation, a kernel or a connection.

    pages      notebooks, assignments and guides, turned into pages by Sphinx, MyST-NB and Furo
    living     explorers that live in a page: their widgets and menus; browser/ has their scripts
    page_data  what they look at: networks, pictures, strongest patches
    onnx_graphs  networks, their maps and gradients, as ONNX graphs
    packages   the packages of npm that they stand on
    films      what grows, step by step, as films with a slider
    formulas   formulas as MathML, which browsers draw themselves
    reference  the reference from the docstrings, by pdoc
    server     a local server for the built site

`cnnlab site` and `make site` call it. It needs the packages of the extra "site".
"""

from cnnlab.site.pages import build
from cnnlab.site.reference import build_reference
from cnnlab.site.server import serve

__all__ = ["build", "build_reference", "serve"]
