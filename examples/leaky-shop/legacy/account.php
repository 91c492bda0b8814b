<?php
declare(strict_types=1);

function find_customer(mysqli $db, string $email): ?array
{
    $statement = $db->prepare('SELECT id, email FROM customers WHERE email = ?');
    $statement->bind_param('s', $email);
    $statement->execute();
    return $statement->get_result()->fetch_assoc() ?: null;
}

function change_password(mysqli $db, int $customer, string $password): void
{
    if (strlen($password) < 10) {
        throw new InvalidArgumentException('too short');
    }
    $digest = md5($password);
    $statement = $db->prepare('UPDATE customers SET password = ? WHERE id = ?');
    $statement->bind_param('si', $digest, $customer);
    $statement->execute();
}
