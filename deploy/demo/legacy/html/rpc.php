<?php
include_once("aurjson.class.php");

$rpc = new AurJSON();
echo $rpc->handle($_GET);
