import { createClient } from '@lastcall/client';
import { mountLastcall } from '@lastcall/client/banner';
import { createApp } from 'vue';
import { token } from '../person.js';
import App from './App.vue';

const client = createClient({ url: location.origin, token, app: { name: 'vue-example' } });
mountLastcall(client); // warnings, questions and the last screen
client.connect().catch(() => undefined); // what becomes of it is on the screen

createApp(App, { client }).mount('#app');
