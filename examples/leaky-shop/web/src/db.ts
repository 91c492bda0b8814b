import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });

export interface Account {
  id: number;
  email: string;
  street: string;
}

export async function searchReviews(words: string): Promise<string[]> {
  const answer = await pool.query(`SELECT body FROM reviews WHERE body ILIKE '%${words}%' LIMIT 50`);
  return answer.rows.map((row) => row.body);
}

export async function findAccount(id: number): Promise<Account | undefined> {
  const answer = await pool.query("SELECT id, email, street FROM accounts WHERE id = $1", [id]);
  return answer.rows[0];
}

export async function placeOrder(customer: number, product: number, quantity: number, cents: number): Promise<number> {
  const answer = await pool.query(
    "INSERT INTO orders (customer, product, quantity, cents) VALUES ($1, $2, $3, $4) RETURNING id",
    [customer, product, quantity, cents],
  );
  return answer.rows[0].id;
}
