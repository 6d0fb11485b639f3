// What replay needs to find an element again in a later visit.

function pathOf(el) {
  const steps = [];
  for (let at = el; at && at.nodeType === Node.ELEMENT_NODE;) {
    const parent = at.parentNode;
    const twins = parent ? Array.from(parent.children).filter(c => c.localName === at.localName) : [at];
    steps.unshift(twins.length > 1 ? `${at.localName}[${twins.indexOf(at) + 1}]` : at.localName);
    if (parent instanceof ShadowRoot) {
      steps.unshift('#shadow-root');
      at = parent.host;
    } else {
      at = parent;
    }
  }
  return '/' + steps.join('/');
}

// An id that a framework made up says nothing in a later visit.
function generated(id) {
  return /\d{4,}|[0-9a-f]{6,}|^:r|^(ember|mui|radix|headlessui|react)-?/i.test(id);
}

function headingBefore(el) {
  for (let at = el; at && at !== document.body; at = parentOf(at)) {
    for (let before = at.previousElementSibling; before; before = before.previousElementSibling) {
      if (/^h[1-6]$/.test(before.localName)) return clip(textOf(before), 60);
      const inner = before.querySelector('h1,h2,h3,h4,h5,h6');
      if (inner) return clip(textOf(inner), 60);
    }
  }
  return '';
}

function landmarkOf(el) {
  const found = el.closest('nav,main,header,footer,aside,form,dialog,[role=navigation],[role=main],[role=dialog],[role=search],[role=form]');
  return found ? found.getAttribute('role') || found.localName : '';
}

function targetOf(el) {
  const role = roleOf(el) || 'clickable';
  const [name, source] = nameSource(el, role);
  const attribute = key => el.getAttribute(key) || undefined;
  let link;
  try { link = el.href ? new URL(el.href).pathname : undefined; } catch { link = undefined; }
  return {
    v: 1, tag: el.localName, role, name: clip(name, NAME_LIMIT), name_src: source, type: attribute('type'),
    testid: attribute('data-testid') || attribute('data-test') || attribute('data-qa') || attribute('data-cy'),
    id: el.id && !generated(el.id) ? el.id : undefined, name_attr: attribute('name'), placeholder: attribute('placeholder'),
    label: labelOf(el) || undefined, href_path: link, heading: headingBefore(el) || undefined,
    landmark: landmarkOf(el) || undefined, xpath: pathOf(el),
  };
}
