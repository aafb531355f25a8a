import theme from 'vitepress/theme-without-fonts';

export default {
  extends: theme,
  enhanceApp() {
    // `/docs#/tasks/…` was a link into the API page before it moved.
    if (typeof location !== 'undefined' && location.hash.startsWith('#/'))
      location.replace(`/docs/api${location.hash}`);
  },
};
