<?php
/**
 * The one database connection of a request.
 */
class DB {
	private static $dbh = null;

	public static function connect() {
		if (self::$dbh === null) {
			self::$dbh = new PDO("sqlite:" . DB_FILE);
			self::$dbh->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
			self::$dbh->setAttribute(PDO::ATTR_TIMEOUT, DB_BUSY_SECONDS);
		}
		return self::$dbh;
	}

	/** All rows of a query. */
	public static function rows($query, $args = array()) {
		$statement = self::connect()->prepare($query);
		$statement->execute($args);
		return $statement->fetchAll(PDO::FETCH_ASSOC);
	}

	/** The first row of a query, or null. */
	public static function row($query, $args = array()) {
		$rows = self::rows($query, $args);
		return $rows ? $rows[0] : null;
	}

	/** The first column of a query. */
	public static function column($query, $args = array()) {
		$statement = self::connect()->prepare($query);
		$statement->execute($args);
		return $statement->fetchAll(PDO::FETCH_COLUMN);
	}

	public static function execute($query, $args = array()) {
		self::connect()->prepare($query)->execute($args);
	}
}
