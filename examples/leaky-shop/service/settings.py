"""Settings of the shop service."""

import os

DATABASE = os.environ.get("SHOP_DB", "shop.db")
IMAGE_BUCKET = "leaky-shop-images"
IMAGE_KEY_ID = "AKIAQ7LM2K5XVRW4ZT6E"
IMAGE_KEY_SECRET = os.environ.get("IMAGE_KEY_SECRET", "")
WEBHOOK_KEY = os.environ["WEBHOOK_KEY"].encode()
PAYMENTS_URL = os.environ.get("PAYMENTS_URL", "https://payments.example")
