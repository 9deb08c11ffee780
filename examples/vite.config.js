import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import react from '@vitejs/plugin-react';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const broker = process.env.LASTCALL_URL ?? 'http://127.0.0.1:4600';

const isCustomElement = (tag) => tag.startsWith('lastcall-');

/** The page that has no bundler, as it is, with the scripts it needs beside it. */
const scriptTag = {
  name: 'script-tag',
  generateBundle() {
    const emit = (fileName, path) => this.emitFile({ type: 'asset', fileName, source: readFileSync(path) });
    emit('script/index.html', here('script/index.html'));
    emit('script/style.css', here('style.css'));
    for (const name of ['lastcall.global.js', 'lastcall.banner.global.js'])
      emit(`script/${name}`, fileURLToPath(import.meta.resolve(`@lastcall/client/${name}`)));
  },
};

export default defineConfig({
  root: here('.'),
  plugins: [react(), vue({ template: { compilerOptions: { isCustomElement } } }), svelte(), scriptTag],
  build: {
    minify: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: ['index.html', 'react/index.html', 'vue/index.html', 'svelte/index.html'].map(here),
    },
  },
  // The broker's address is the pages' own, so that a development broker lets them in.
  preview: { proxy: { '/socket.io': { target: broker, ws: true }, '/dev': { target: broker } } },
});
