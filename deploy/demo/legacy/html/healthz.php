<?php
header("Content-Type: text/plain; charset=utf-8");
echo "ok " . DB::row("SELECT COUNT(*) AS n FROM Packages")["n"] . " packages\n";
