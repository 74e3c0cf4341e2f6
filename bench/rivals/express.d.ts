// Express ships no types, and its own are a package of ten more for one file: this declares what the textbook service
// and @as-integrations/express5 use of it.
declare module 'express' {
  function express(): express.Application;
  namespace express {
    interface Request {
      headers: Record<string, string | undefined>;
    }
    interface Response {
      send(body: string): void;
    }
    type RequestHandler = (request: Request, response: Response, next: (error?: unknown) => void) => void;
    interface Application {
      use(path: string, ...handlers: RequestHandler[]): void;
      get(path: string, handler: RequestHandler): void;
      listen(port: number, host: string, listening: (error?: Error) => void): void;
    }
    function json(): RequestHandler;
  }
  export = express;
}
