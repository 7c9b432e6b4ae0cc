// Links that the browser saves as files while they are made: nothing passes through the page.
export default function ({ parentElement, data }) {
  const box = parentElement.querySelector('.downloads')
  const fresh = JSON.stringify(data)
  if (box.dataset.drawn === fresh) return
  box.dataset.drawn = fresh
  const word = document.createElement('span')
  word.className = 'word'
  word.textContent = data.label
  box.setAttribute('aria-label', data.label)
  box.replaceChildren(word, ...data.files.map(({ name, url, help }) => {
    const link = document.createElement('a')
    link.textContent = name
    link.href = url
    link.title = help
    link.setAttribute('download', '')
    return link
  }))
}
