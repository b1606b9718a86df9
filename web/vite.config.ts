/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

// `npm run dev` shows live edits against a hub that is already running (BELVEDERE_HUB, or the default port).

export default defineConfig(({ mode }) => {
  const hub = loadEnv(mode, ".", "BELVEDERE_")["BELVEDERE_HUB"] ?? "http://127.0.0.1:8710";
  return {
  plugins: [react()],
  base: "/",
  build: {
    outDir: "../src/belvedere/ui",
    emptyOutDir: true,
    target: "es2022",
    // The content security policy of the hub allows no data: scripts; nothing is inlined.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1100,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/api": { target: hub, ws: true },
      "/map": hub,
      "/log": hub,
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
  };
});
