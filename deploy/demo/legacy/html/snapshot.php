<?php
/* The sources of a package as a tarball, made while it is sent: no temporary file, no page in memory. */
include_once("pkgfuncs.inc.php");

define("PATCH_LINES", 6000);
define("TAR_BLOCK", 512);

$row = pkg_by_name($_GET["name"]);
if ($row === null) {
	not_found();
}

function tar_header($name, $size, $mtime) {
	$header = str_pad($name, 100, "\0") . sprintf("%07o\0%07o\0%07o\0%011o\0%011o\0", 0644, 0, 0, $size, $mtime) .
		str_repeat(" ", 8) . "0" . str_repeat("\0", 100) . "ustar\0" . "00" . str_pad("root", 32, "\0") . str_pad("root", 32, "\0") .
		str_repeat("\0", TAR_BLOCK - 329);
	$sum = array_sum(unpack("C*", $header));
	return substr_replace($header, sprintf("%06o\0 ", $sum), 148, 8);
}

function send($deflate, $bytes, $flush = ZLIB_NO_FLUSH) {
	$out = deflate_add($deflate, $bytes, $flush);
	if ($out !== "") {
		echo $out;
		flush();
	}
}

function send_file($deflate, $name, $content, $mtime) {
	send($deflate, tar_header($name, strlen($content), $mtime) . $content . str_repeat("\0", -strlen($content) & (TAR_BLOCK - 1)));
}

while (ob_get_level() > 0) {
	ob_end_flush();
}
header("Content-Type: application/gzip");
header("Content-Disposition: attachment; filename*=UTF-8''" . rawurlencode($row["Name"]) . ".tar.gz");
header("Last-Modified: " . gmdate("D, d M Y H:i:s", $row["ModifiedTS"]) . " GMT");
header("X-Accel-Buffering: no");

$deflate = deflate_init(ZLIB_ENCODING_GZIP);
$folder = preg_replace('/[^A-Za-z0-9@._+-]/', "_", $row["Name"]);
$pkgbuild = "pkgname='" . $row["Name"] . "'\npkgver='" . $row["Version"] . "'\npkgdesc=\"" . addcslashes($row["Description"], "\"\\$`") . "\"\n" .
	"url='" . $row["URL"] . "'\n\npackage() {\n\tmake DESTDIR=\"\$pkgdir\" install\n}\n";
send_file($deflate, "$folder/PKGBUILD", $pkgbuild, $row["ModifiedTS"]);

/* A patch of some 400 kB, the same for a package every time. */
$line_length = 66;
send($deflate, tar_header("$folder/fixes.patch", PATCH_LINES * $line_length, $row["ModifiedTS"]));
for ($n = 0; $n < PATCH_LINES; $n++) {
	send($deflate, "+" . hash("sha256", $row["Name"] . $n) . "\n");
}
send($deflate, str_repeat("\0", -(PATCH_LINES * $line_length) & (TAR_BLOCK - 1)) . str_repeat("\0", 2 * TAR_BLOCK), ZLIB_FINISH);
