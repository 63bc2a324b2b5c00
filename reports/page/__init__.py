"""One page: a run, or a run of each kind, as a single HTML file that asks the network for nothing.

`write` is what `--output FILE.html` does, `write_folder` what `--output DIR` of reports does.
The page holds a summary, a verdict for each backend, pictures, tables and an explorer of softmax.
Jinja2 escapes what it is given; data for scripts is escaped in `reports.page.packing`.
"""

from reports.page.document import STEPS, Told, render
from reports.page.files import PAGE_NAME, write, write_folder

__all__ = ["PAGE_NAME", "STEPS", "Told", "render", "write", "write_folder"]
