<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title><?= $title === "" ? h(SITE_NAME) : h($title) . " - " . h(SITE_NAME) ?></title>
    <link rel="stylesheet" type="text/css" href="/css/archive.css" media="all" />
    <link rel="alternate" type="application/rss+xml" title="Newest Packages" href="/rss/" />
    <script type="text/javascript" nonce="<?= h($CSP_NONCE) ?>">document.documentElement.className = "js";</script>
  </head>
  <body>
    <div id="archdev-navbar">
      <ul>
        <li><a href="/">Home</a></li>
        <li><a href="/packages/">Packages</a></li>
        <li><a href="/requests/">Requests</a></li>
        <li><a href="/statistics/">Statistics</a></li>
<?php if (uid_from_sid() !== null): ?>
        <li><a href="/account">My Account</a></li>
        <li><a href="/logout">Logout [<?= h(username_from_sid()) ?>]</a></li>
<?php else: ?>
        <li><a href="/login">Login</a></li>
<?php endif; ?>
      </ul>
    </div>
    <!-- Start of main content -->
    <div id="content">
