// @rudderstack/analytics-js as a website with a bundler uses it: nothing is fetched from its maker's servers.
import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";

window.RudderAnalytics = RudderAnalytics;
