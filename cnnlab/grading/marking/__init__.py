"""Marking by hand: `cnnlab mark`, a page on this machine for written answers, and for points in place of the computed ones.

    desk    what the page may ask and do: answers of the class, decisions, the bank of comments
    server  the web server, for this machine and whoever has its address with the token

The page itself is `page.html`, `page.css` and `page.js`; it gets data alone, and puts every text of a student's on the screen as text.
"""

from cnnlab.grading.marking.desk import Desk
from cnnlab.grading.marking.server import serve

__all__ = ["Desk", "serve"]
