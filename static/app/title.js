/** Keeps the count of unread messages in the page's title: "(3) Inbox · Notifier". */

const COUNT = /^\(\d+\) /;

document.addEventListener("notifier", ({ detail: { name, data } }) => {
  if (name !== "unread_message_count") return;
  const title = document.title.replace(COUNT, "");
  document.title = data ? `(${data}) ${title}` : title;
});
