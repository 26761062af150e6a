"""The RSS feed of the newest packages."""

import hashlib
from email.utils import formatdate, parsedate_to_datetime

from . import packages
from .markup import SITE_NAME, h
from .web import Response

LATEST_IN_FEED = 20


def rss(request):
    rows = packages.latest(LATEST_IN_FEED)
    modified = rows[0]["ModifiedTS"]
    etag = hashlib.sha1(f"feed-{modified}-{len(rows)}".encode()).hexdigest()
    headers = [("Cache-Control", "public, max-age=300"), ("Last-Modified", formatdate(modified, usegmt=True)), ("ETag", f'W/"{etag}"')]
    if _is_fresh(request, etag, modified):
        return Response("", 304, headers)
    items = "".join(_item(request, row) for row in rows)
    body = f"""<?xml version='1.0' encoding='utf-8'?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
  <channel>
    <title>{SITE_NAME} Newest Packages</title>
    <link>{h(request.site)}/</link>
    <description>The latest and greatest packages in the archive</description>
    <atom:link href="{h(request.site)}/rss/" rel="self" type="application/rss+xml" />
    <lastBuildDate>{formatdate(modified).replace("-0000", "+0000")}</lastBuildDate>
{items}  </channel>
</rss>
"""
    return Response(body, 200, [*headers, ("Content-Type", "application/rss+xml; charset=utf-8")])


def _is_fresh(request, etag, modified):
    known = request.headers.get("if-none-match")
    if known is not None:
        return known in (f'"{etag}"', f'W/"{etag}"')
    since = request.headers.get("if-modified-since")
    try:
        return since is not None and parsedate_to_datetime(since).timestamp() >= modified
    except ValueError:
        return False


def _item(request, row):
    return f"""    <item>
      <title>{h(row["Name"] + " " + row["Version"])}</title>
      <link>{h(request.site + packages.uri(row["Name"]))}</link>
      <description>{h(row["Description"])}</description>
      <author>{h(row["Maintainer"] if row["Maintainer"] is not None else "orphan")}</author>
      <pubDate>{formatdate(row["ModifiedTS"]).replace("-0000", "+0000")}</pubDate>
      <guid isPermaLink="false">{h(row["Name"] + "-" + row["Version"])}</guid>
    </item>
"""
