      <form class="search" action="/packages/" method="get">
        <fieldset>
          <label>Keywords: <input type="text" name="q" size="30" maxlength="80" value="<?= h($params["q"]) ?>" /></label>
          <label>Search by
            <select name="by">
<?php foreach (array("nd" => "Name, Description", "n" => "Name Only", "m" => "Maintainer", "k" => "Keyword") as $key => $text): ?>
              <option value="<?= $key ?>"<?= $params["by"] == $key ? ' selected="selected"' : "" ?>><?= $text ?></option>
<?php endforeach; ?>
            </select>
          </label>
          <label>Sort by
            <select name="SB">
<?php foreach (array("n" => "Name", "v" => "Votes", "p" => "Popularity", "m" => "Maintainer", "l" => "Last modified") as $key => $text): ?>
              <option value="<?= $key ?>"<?= $params["SB"] == $key ? ' selected="selected"' : "" ?>><?= $text ?></option>
<?php endforeach; ?>
            </select>
          </label>
          <label><input type="checkbox" name="orphans" value="on"<?= $params["orphans"] ? ' checked="checked"' : "" ?> /> Orphans only</label>
          <input type="submit" class="button" value="Go" />
        </fieldset>
      </form>
