<?php
include_once("acctfuncs.inc.php");

if (current_session() !== null) {
	delete_session(current_session()["SessionID"]);
}
setcookie(SESSION_COOKIE, "", array("expires" => 1, "path" => "/", "httponly" => true, "samesite" => "Lax"));
redirect("/");
