<div id="pkglist-results" class="box">
<?php if ($total == 0): ?>
      <p>No packages matched your search criteria.</p>
<?php else: ?>
      <p class="pkglist-stats"><?= $total ?> packages found.<br />Page <?= $page ?> of <?= $pages ?>.</p>
<?php include("pkg_search_nav.php"); ?>
      <table class="results">
        <thead>
          <tr>
<?php foreach (array("n" => "Name", "" => "Version", "v" => "Votes", "p" => "Popularity", "-" => "Description", "m" => "Maintainer", "l" => "Last Updated") as $key => $text): ?>
<?php if ($key === "" || $key === "-"): ?>
            <th><?= $text ?></th>
<?php else: ?>
            <th><a href="<?= h(search_link($params, array("SB" => $key, "SO" => ($params["SB"] == $key && $params["SO"] == "a") ? "d" : "a", "O" => 0))) ?>"><?= $text ?></a></th>
<?php endif; ?>
<?php endforeach; ?>
          </tr>
        </thead>
<?php foreach ($rows as $row): ?>
        <tr>
          <td><a href="<?= h(get_pkg_uri($row["Name"])) ?>"><?= h($row["Name"]) ?></a></td>
          <td<?= $row["OutOfDateTS"] !== null ? ' class="flagged"' : "" ?>><?= h($row["Version"]) ?></td>
          <td><?= $row["NumVotes"] ?></td>
          <td><?= number_format($row["Popularity"], 2) ?></td>
          <td class="wrap"><?= h($row["Description"]) ?></td>
          <td><?php if ($row["Maintainer"] !== null): ?><a href="<?= h(get_user_uri($row["Maintainer"])) ?>"><?= h($row["Maintainer"]) ?></a><?php else: ?><span class="orphan">orphan</span><?php endif; ?></td>
          <td><?= gmdate("Y-m-d", $row["ModifiedTS"]) ?></td>
        </tr>
<?php endforeach; ?>
      </table>
<?php include("pkg_search_nav.php"); ?>
<?php endif; ?>
</div>
