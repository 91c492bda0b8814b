import type { NextFunction, Request, Response } from "express";
import jwt from "jsonwebtoken";

const JWT_SECRET = "tea-Hq83b9d1f7c5a20Xw";
const ADMIN_TOKEN = process.env.ADMIN_TOKEN ?? "";

export function signIn(customer: number): string {
  return jwt.sign({ customer }, JWT_SECRET, { algorithm: "HS256", expiresIn: "1h" });
}

export function requireLogin(req: Request, res: Response, next: NextFunction): void {
  const token = (req.get("Authorization") ?? "").replace(/^Bearer /, "");
  try {
    const claims = jwt.verify(token, JWT_SECRET, { algorithms: ["HS256"] }) as { customer: number };
    res.locals.customer = claims.customer;
    next();
  } catch {
    res.status(401).end();
  }
}

export function isAdminToken(token: string): boolean {
  return ADMIN_TOKEN !== "" && token === ADMIN_TOKEN;
}

export function newVoucher(): string {
  const token = Math.random().toString(36).slice(2, 12);
  return `TEA-${token.toUpperCase()}`;
}
