<?php if ($pages > 1): ?>
      <p class="pkglist-nav">
<?php if ($page > 1): ?>
        <a class="page prev" href="<?= h(search_link($params, array("O" => max(0, $params["O"] - $params["PP"])))) ?>">&lsaquo; Previous</a>
<?php endif; ?>
<?php for ($n = 1; $n <= $pages; $n++): ?>
<?php if ($n == $page): ?>
        <span class="page current"><?= $n ?></span>
<?php else: ?>
        <a class="page" href="<?= h(search_link($params, array("O" => ($n - 1) * $params["PP"]))) ?>"><?= $n ?></a>
<?php endif; ?>
<?php endfor; ?>
<?php if ($page < $pages): ?>
        <a class="page next" href="<?= h(search_link($params, array("O" => $params["O"] + $params["PP"]))) ?>">Next &rsaquo;</a>
<?php endif; ?>
      </p>
<?php endif; ?>
