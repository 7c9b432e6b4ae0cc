// Sends dropped, chosen, pasted or photographed files straight to disk, four at a time.
const instances = new WeakMap()

export default function ({ parentElement, data, setTriggerValue }) {
  const find = (selector) => parentElement.querySelector(selector)
  const zone = find('.zone')
  const words = data.labels
  let me = instances.get(parentElement)
  if (!me) {
    me = { queue: [], active: 0, done: 0, total: 0, position: 0, problems: [], camera: null }
    instances.set(parentElement, me)
  }
  me.data = data
  me.notify = setTriggerValue

  find('.title').textContent = words.title
  find('.hint').textContent = words.hint
  find('.choose').textContent = words.choose
  find('.camera').textContent = words.camera
  find('.snap').textContent = words.snap
  find('.close').textContent = words.close
  zone.setAttribute('aria-label', words.title)
  find('.files').accept = data.accept
  find('.camera').hidden = !navigator.mediaDevices?.getUserMedia

  const show = () => {
    const bar = find('progress')
    const status = find('.status')
    const busy = me.active > 0 || me.queue.length > 0
    bar.hidden = !busy
    bar.value = me.total ? me.done / me.total : 0
    status.classList.toggle('bad', !busy && me.problems.length > 0)
    status.textContent = busy
      ? words.sending.replace('{done}', me.done).replace('{total}', me.total)
      : me.problems.join(' · ')
  }

  const send = async ({ file, position }) => {
    if (file.size > me.data.max_bytes) throw new Error(words.too_large)
    const answer = await fetch(`${me.data.base}/upload/${me.data.ticket}`, {
      method: 'PUT',
      headers: {
        'X-Name': encodeURIComponent(file.webkitRelativePath || file.name || 'image.png'),
        'X-Position': position,
        'Content-Type': 'application/octet-stream',
      },
      body: file,
    })
    if (answer.status === 413) throw new Error(words.too_large)
    if (!answer.ok) throw new Error(words.failed)
  }

  const work = async () => {
    while (me.queue.length) {
      const next = me.queue.shift()
      try {
        await send(next)
      } catch (error) {
        me.problems.push(`${next.file.name}: ${error instanceof TypeError ? words.failed : error.message}`)
      }
      me.done += 1
      show()
      // The page may begin to read while the rest is still on its way.
      if (me.data.tell_every_ms && me.queue.length && Date.now() - me.told > me.data.tell_every_ms) tell()
    }
  }
  const tell = () => {
    me.told = Date.now()
    me.notify('arrived', { count: me.done, coming: me.total - me.done, at: me.told })
  }

  const take = async (files) => {
    const wanted = [...files]
    if (!wanted.length) return
    if (me.active === 0) Object.assign(me, { done: 0, total: 0, problems: [], told: Date.now() })
    me.queue.push(...wanted.map((file) => ({ file, position: me.position++ })))
    me.total += wanted.length
    show()
    const workers = Math.min(4 - me.active, wanted.length)
    if (workers <= 0) return
    me.active += workers
    await Promise.all(Array.from({ length: workers }, () => work().finally(() => { me.active -= 1 })))
    show()
    if (me.active === 0) tell()
  }

  const closeCamera = () => {
    me.camera?.getTracks().forEach((track) => track.stop())
    me.camera = null
    find('.viewfinder').hidden = true
  }
  const openCamera = async () => {
    try {
      me.camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: 2560 } } })
      find('video').srcObject = me.camera
      find('.viewfinder').hidden = false
    } catch {
      me.problems = [words.no_camera]
      show()
    }
  }
  const snap = () => {
    const video = find('video')
    const canvas = document.createElement('canvas')
    canvas.width = video.videoWidth
    canvas.height = video.videoHeight
    canvas.getContext('2d').drawImage(video, 0, 0)
    const name = `camera-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.jpg`
    canvas.toBlob((blob) => blob && take([new File([blob], name, { type: 'image/jpeg' })]), 'image/jpeg', 0.95)
    closeCamera()
  }

  find('.choose').onclick = () => find('.files').click()
  find('.files').onchange = (event) => { take(event.target.files); event.target.value = '' }
  find('.camera').onclick = openCamera
  find('.snap').onclick = snap
  find('.close').onclick = closeCamera
  zone.ondragover = (event) => { event.preventDefault(); zone.classList.add('over') }
  zone.ondragleave = () => zone.classList.remove('over')
  zone.ondrop = (event) => {
    event.preventDefault()
    zone.classList.remove('over')
    take(event.dataTransfer.files)
  }

  if (!me.paste) {
    me.paste = (event) => {
      const typing = event.composedPath()[0]?.matches?.('input, textarea, [contenteditable]')
      if (!typing && event.clipboardData?.files.length) me.take(event.clipboardData.files)
    }
    document.addEventListener('paste', me.paste)
  }
  me.take = take
  show()
  if (data.coming && me.active === 0) tell() // the page was left meanwhile: nothing comes any more

  return () => {
    document.removeEventListener('paste', me.paste)
    closeCamera()
    instances.delete(parentElement)
  }
}
