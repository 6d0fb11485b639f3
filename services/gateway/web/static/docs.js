// The API document, shown by Swagger UI from this server.
import { $, setText } from './base.js';

if (globalThis.SwaggerUIBundle) {
  globalThis.SwaggerUIBundle({ url: '/openapi.json', domNode: $('#swagger'), deepLinking: true, tryItOutEnabled: true, defaultModelsExpandDepth: 0, validatorUrl: null });
} else {
  setText($('#swagger'), 'The viewer could not be loaded.');
}
