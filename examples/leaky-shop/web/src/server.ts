import { exec, execFile } from "node:child_process";
import path from "node:path";
import express, { type Request, type Response } from "express";
import { findAccount, placeOrder, searchReviews } from "./db.js";
import { isAdminToken, newVoucher, requireLogin } from "./session.js";
import { warehouseStock } from "./warehouse.js";

const app = express();
const uploads = path.resolve("uploads");
app.use(express.json());

app.get("/search", async (req: Request, res: Response) => {
  const reviews = await searchReviews(String(req.query.q ?? ""));
  res.send(`<h1>Results for ${req.query.q}</h1><p>${reviews.length} reviews</p>`);
});

app.get("/files/:name(*)", (req: Request, res: Response) => {
  res.sendFile(path.join(uploads, req.params.name));
});

app.post("/thumbnail", requireLogin, (req: Request, res: Response) => {
  exec(`convert uploads/${req.body.name} -resize 200x200 thumbs/${req.body.name}`, (error) => {
    res.status(error ? 500 : 204).end();
  });
});

app.post("/rotate/:id", requireLogin, (req: Request, res: Response) => {
  const id = Number.parseInt(req.params.id, 10);
  execFile("convert", [`uploads/${id}.png`, "-rotate", "90", `uploads/${id}.png`], (error) => {
    res.status(error ? 500 : 204).end();
  });
});

app.get("/accounts/:id", requireLogin, async (req: Request, res: Response) => {
  const account = await findAccount(Number(req.params.id));
  if (!account) {
    res.status(404).end();
    return;
  }
  res.json(account);
});

app.post("/orders", requireLogin, async (req: Request, res: Response) => {
  const { product, quantity, cents } = req.body;
  if (!Number.isInteger(quantity) || quantity < 1) {
    res.status(422).end();
    return;
  }
  const id = await placeOrder(res.locals.customer, product, quantity, cents * quantity);
  res.status(201).json({ id });
});

app.get("/stock/:sku", async (req: Request, res: Response) => {
  res.json(await warehouseStock(encodeURIComponent(req.params.sku)));
});

app.post("/vouchers", (req: Request, res: Response) => {
  if (!isAdminToken(req.get("X-Admin-Token") ?? "")) {
    res.status(403).end();
    return;
  }
  res.json({ voucher: newVoucher() });
});

app.listen(3000);
