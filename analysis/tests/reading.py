"""What a reader finds in a section of a report, or on its page."""

import re
from html.parser import HTMLParser

from tunescope_analysis.report.blocks import Paragraph

VOID = {"meta", "img", "br", "wbr"}
SPACED = {"br", "dd", "h1", "h2", "h3", "li", "p", "pre", "td", "th"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps what the tests ask for."""

    def __init__(self, html):
        super().__init__()
        self.open, self.images, self.words, self.bold = [], [], [], []
        self.links, self.ids, self.headings = [], [], []
        self.feed(html)
        assert self.open == []
        self.text = re.sub(r"\s+", " ", "".join(self.words))
        self.anchors = set(self.ids)

    def handle_starttag(self, tag, attrs):
        if tag in SPACED:
            self.words.append(" ")
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value.removeprefix("#") for name, value in attrs if name == "href"]
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open or "script" in self.open:
            return
        self.words.append(data)
        if self.open and self.open[-1] == "th" and "thead" in self.open:
            self.headings.append(data)
        if self.open and self.open[-1] == "strong":
            self.bold.append(data)


def words(section):
    """All sentences of a section."""
    return " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))
