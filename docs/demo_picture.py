"""Draws docs/demo.svg: the last screen of a real run of the demo, about two minutes.

    .venv/bin/python docs/demo_picture.py

Only the frame around the recorded text is made here. The folder of the run is thrown away.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.live import Live

from streams.cli.demo import CUSTOMERS, DAYS
from streams.demo import run, terminal

PICTURE = Path(__file__).with_name("demo.svg")
COLUMNS = 100  # what its widest table needs
# as rich has it, but without fonts from the network: an image in a page may load nothing
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>The last screen of keepline demo</title>
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px;
line-height: {line_height}px; font-variant-east-asian: full-width }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


class LastFrame(Live):
    """Keeps of all frames the last one: what stays on the screen."""

    def stop(self) -> None:
        """Forgets what was recorded so far; the frame that follows is recorded."""
        self.console.export_text(clear=True)
        super().stop()


def main() -> None:
    """Runs the demo in a folder of its own and writes the picture."""
    console = Console(record=True, width=COLUMNS, force_terminal=True, highlight=False)
    vars(terminal)["Live"] = LastFrame
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        out = Path("demo-out")
        out.mkdir()
        run.Demo(out, CUSTOMERS, DAYS, console).run()
    PICTURE.write_text(console.export_svg(title="make demo", code_format=FRAME, unique_id="demo"), "utf-8")


if __name__ == "__main__":
    main()
