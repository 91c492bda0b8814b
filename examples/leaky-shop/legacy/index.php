<?php
declare(strict_types=1);

require __DIR__ . '/account.php';

session_start();
$db = new mysqli(getenv('DB_HOST') ?: 'localhost', getenv('DB_USER') ?: 'shop', getenv('DB_PASSWORD') ?: '', 'shop');

$sort = in_array($_GET['sort'] ?? '', ['name', 'cents'], true) ? $_GET['sort'] : 'name';
$products = $db->query("SELECT name, cents FROM products WHERE brand = '" . ($_GET['brand'] ?? '') . "' ORDER BY $sort");
$prefs = isset($_COOKIE['prefs']) ? unserialize($_COOKIE['prefs']) : ['columns' => 2];

if (($_POST['action'] ?? '') === 'password') {
    change_password($db, (int) ($_POST['customer'] ?? 0), $_POST['password'] ?? '');
}
?>
<!doctype html>
<title>Products</title>
<h1>Products of <?php echo $_GET['brand'] ?? 'all brands'; ?></h1>
<table class="columns-<?= (int) $prefs['columns'] ?>">
<?php foreach ($products as $product): ?>
  <tr>
    <td><?= htmlspecialchars($product['name']) ?></td>
    <td><?= number_format($product['cents'] / 100, 2) ?></td>
  </tr>
<?php endforeach; ?>
</table>
<?php
if (isset($_GET['page'])) {
    include 'pages/' . $_GET['page'] . '.php';
}
