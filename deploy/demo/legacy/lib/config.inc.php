<?php
/**
 * Settings of the archive. What differs between machines comes from the pool's environment.
 */

define("DB_FILE", getenv("DEMO_DB"));
define("DB_BUSY_SECONDS", 5);

define("SITE_NAME", "Ficus Package Archive");
define("SESSION_COOKIE", "AURSID");
define("LOGIN_TIMEOUT", 7200);         /* seconds; a session not used for longer is gone */
define("SESSION_TOUCH_INTERVAL", 60);  /* seconds; no write per page, SQLite has one writer */
define("PBKDF2_ROUNDS", 20000);

define("LATEST_ON_HOME", 15);
define("LATEST_IN_FEED", 20);
define("DEFAULT_PER_PAGE", 50);
define("MAX_RPC_RESULTS", 100);
