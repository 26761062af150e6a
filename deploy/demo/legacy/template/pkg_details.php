<div id="pkgdetails" class="box">
      <h2>Package Details: <?= h($row["Name"]) ?> <?= h($row["Version"]) ?></h2>
      <p id="pkgdesc"><?= h($row["Description"]) ?></p>
      <div id="detailslinks" class="listing">
        <ul>
          <li><a href="<?= h(get_pkg_uri($row["Name"])) ?>/snapshot.tar.gz">Download snapshot</a></li>
          <li><a href="/packages/?<?= h(http_build_query(array("q" => $row["BaseName"], "by" => "n"))) ?>">Search similar</a></li>
        </ul>
<?php if ($sid !== null): ?>
        <form action="<?= h(get_pkg_uri($row["Name"])) ?>/vote" method="post">
          <fieldset>
            <input type="hidden" name="token" value="<?= h(csrf_token($sid)) ?>" />
            <input type="submit" class="button" name="do_Vote" value="Vote for this package" />
          </fieldset>
        </form>
<?php endif; ?>
      </div>
      <table id="pkginfo">
        <tr><th>Package Base:</th><td id="pkgbase"><?= h($row["BaseName"]) ?></td></tr>
        <tr><th>Upstream URL:</th><td id="upstream"><a rel="nofollow" href="<?= h($row["URL"]) ?>"><?= h($row["URL"]) ?></a></td></tr>
        <tr><th>Keywords:</th><td id="keywords"><?php foreach ($keywords as $keyword): ?><a class="keyword" href="/packages/?<?= h(http_build_query(array("q" => $keyword, "by" => "k"))) ?>"><?= h($keyword) ?></a> <?php endforeach; ?></td></tr>
        <tr><th>Licenses:</th><td id="licenses"><?= h($row["License"]) ?></td></tr>
        <tr><th>Maintainer:</th><td id="maintainer"><?php if ($row["Maintainer"] !== null): ?><a href="<?= h(get_user_uri($row["Maintainer"])) ?>"><?= h($row["Maintainer"]) ?></a><?php else: ?>orphan<?php endif; ?></td></tr>
        <tr><th>Votes:</th><td id="votes"><?= $row["NumVotes"] ?></td></tr>
        <tr><th>Popularity:</th><td id="popularity"><?= number_format($row["Popularity"], 2) ?></td></tr>
        <tr><th>First Submitted:</th><td id="submitted"><?= date_display($row["SubmittedTS"]) ?></td></tr>
        <tr><th>Last Updated:</th><td id="modified"><?= date_display($row["ModifiedTS"]) ?></td></tr>
<?php if ($row["OutOfDateTS"] !== null): ?>
        <tr><th>Flagged:</th><td id="flagged"><span class="flagged">out of date since <?= date_display($row["OutOfDateTS"]) ?></span></td></tr>
<?php endif; ?>
      </table>
<?php foreach (array("depends" => "Dependencies", "makedepends" => "Needed to make it", "optdepends" => "Optional") as $type => $text): ?>
      <h3><?= $text ?> (<?= count($depends[$type]) ?>)</h3>
      <ul class="<?= $type ?>">
<?php foreach ($depends[$type] as $dep): ?>
        <li><?= h($dep) ?></li>
<?php endforeach; ?>
      </ul>
<?php endforeach; ?>
</div>
