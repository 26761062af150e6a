<?php
// Writes down each request that it reads: method, path and the length of the body, a line each.
$path = explode('?', $_SERVER['REQUEST_URI'])[0];
$length = strlen(file_get_contents('php://input'));
file_put_contents(getenv('LOG'), "{$_SERVER['REQUEST_METHOD']} $path $length\n", FILE_APPEND);
echo $path;
