import https from "node:https";

const agent = new https.Agent({
  keepAlive: true,
  rejectUnauthorized: false,
});

export function warehouseStock(sku: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = https.get(`https://warehouse.example/stock/${sku}`, { agent, timeout: 5000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        text += part;
      });
      answer.on("end", () => {
        try {
          resolve(JSON.parse(text));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on("timeout", () => request.destroy(new Error("the warehouse does not answer")));
    request.on("error", reject);
  });
}
