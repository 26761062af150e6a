<?php
include_once("pkgfuncs.inc.php");

$rows = latest_pkgs(LATEST_IN_FEED);
$modified = $rows[0]["ModifiedTS"];
$etag = '"' . md5("rss" . $modified . count($rows)) . '"';

header("Cache-Control: public, max-age=300");
header("Last-Modified: " . gmdate("D, d M Y H:i:s", $modified) . " GMT");
header("ETag: " . $etag);

if (isset($_SERVER["HTTP_IF_NONE_MATCH"])) {
	$fresh = in_array($_SERVER["HTTP_IF_NONE_MATCH"], array($etag, "W/" . $etag));
} else {
	$fresh = isset($_SERVER["HTTP_IF_MODIFIED_SINCE"]) && strtotime($_SERVER["HTTP_IF_MODIFIED_SINCE"]) >= $modified;
}
if ($fresh) {
	header($_SERVER["SERVER_PROTOCOL"] . " 304 Not Modified");
	exit();
}

header("Content-Type: application/rss+xml; charset=utf-8");
echo '<?xml version="1.0" encoding="utf-8"?>' . "\n";
echo '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">' . "\n";
echo "  <channel>\n";
echo "    <title>" . h(SITE_NAME) . " Newest Packages</title>\n";
echo "    <link>" . h(site_url()) . "/</link>\n";
echo "    <description>The latest and greatest packages in the archive</description>\n";
echo '    <atom:link href="' . h(site_url()) . '/rss/" rel="self" type="application/rss+xml"/>' . "\n";
echo "    <lastBuildDate>" . gmdate("D, d M Y H:i:s", $modified) . " +0000</lastBuildDate>\n";
foreach ($rows as $row) {
	echo "    <item>\n";
	echo "      <title>" . h($row["Name"] . " " . $row["Version"]) . "</title>\n";
	echo "      <link>" . h(site_url() . get_pkg_uri($row["Name"])) . "</link>\n";
	echo "      <description>" . h($row["Description"]) . "</description>\n";
	echo "      <author>" . h($row["Maintainer"] === null ? "orphan" : $row["Maintainer"]) . "</author>\n";
	echo "      <pubDate>" . gmdate("D, d M Y H:i:s", $row["ModifiedTS"]) . " +0000</pubDate>\n";
	echo '      <guid isPermaLink="false">' . h($row["Name"] . "-" . $row["Version"]) . "</guid>\n";
	echo "    </item>\n";
}
echo "  </channel>\n";
echo "</rss>\n";
