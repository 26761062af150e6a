<?php
/**
 * Every request that is not a static file starts here.
 */

set_include_path(get_include_path() . PATH_SEPARATOR . __DIR__ . "/../lib" . PATH_SEPARATOR . __DIR__ . "/../template" . PATH_SEPARATOR . __DIR__);

include_once("aur.inc.php");
include_once("routing.inc.php");

header("X-Request-Id: " . uniqid("", true));

$path = explode("?", $_SERVER["REQUEST_URI"], 2)[0];
$script = get_route($path);

if ($script === null) {
	not_found();
}
include($script);
