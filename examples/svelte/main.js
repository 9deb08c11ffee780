import { mountLastcall } from '@lastcall/client/banner';
import { mount } from 'svelte';
import App from './App.svelte';
import { client } from './lastcall.js';

mountLastcall(client); // warnings, questions and the last screen
client.connect().catch(() => undefined); // what becomes of it is on the screen

mount(App, { target: document.getElementById('app') });
